  AND hasAllTokens(words, lowerUTF8({words:String}))  -- by the index
