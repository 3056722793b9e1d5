  AND quarter >= intDiv({since:Int64}, 900)
  AND quarter < intDiv({until:Int64}, 900)
  AND ({entitlement:String} = '' OR entitlement_slug = {entitlement:String})
GROUP BY starts_at
ORDER BY starts_at
