  AND entitlement_slug = {entitlement:String}
