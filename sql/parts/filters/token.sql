  AND token = {token:String}
