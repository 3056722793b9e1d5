  AND transaction_id = {transaction:String}
