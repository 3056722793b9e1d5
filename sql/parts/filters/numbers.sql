  -- What looks like a number is one, or text; the first by the indexes.
  AND (has(numbers, {number:String}) OR hasAllTokens(words, {term:String}))
  AND arrayAll(
      (number, term) -> has(numbers, number) OR position(words, term) > 0 AND hasAll(tokens(words), tokens(term)),
      {numbers:Array(String)}, {terms:Array(String)}
  )
