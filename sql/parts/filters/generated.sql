  AND (  -- an id that the edge made is no text to search in, but is found whole
        transaction_id = {generated:String} OR hasAllTokens(words, {generated:String})
  )
