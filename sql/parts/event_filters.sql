  AND received_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')
  AND received_at <= fromUnixTimestamp64Micro({until:Int64}, 'UTC')
  AND status IN {statuses:Array(String)}
  AND ({entitlement:String} = '' OR entitlement_slug = {entitlement:String})
  AND ({token:String} = '' OR token = {token:String})
  AND ({transaction:String} = '' OR transaction_id = {transaction:String})
  AND (
        {words:String} = ''
        OR (empty(tokens({words:String})) OR hasAllTokens(words, lowerUTF8({words:String})))  -- by the index
            AND arrayAll(term -> position(words, term) > 0, splitByWhitespace(lowerUTF8({words:String})))  -- and as written
  )
  AND (  -- an id that the edge made is no text to search in, but is found whole
        {generated:String} = '' OR transaction_id = {generated:String} OR hasAllTokens(words, {generated:String})
  )
  AND (  -- what looks like a number is one, or text; the first by the indexes
        {number:String} = ''
        OR (has(numbers, {number:String}) OR hasAllTokens(words, {term:String}))
            AND arrayAll(
                (number, term) -> has(numbers, number)
                    OR position(words, term) > 0 AND hasAll(tokens(words), tokens(term)),
                {numbers:Array(String)}, {terms:Array(String)}
            )
  )
