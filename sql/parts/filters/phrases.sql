  AND arrayAll(phrase -> position(words, lowerUTF8(phrase)) > 0, {phrases:Array(String)})  -- as they are written
