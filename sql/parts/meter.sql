  AND entitlement_slug IN  -- every name that it had: what the projection is sorted by
  (
      SELECT entitlement_slug
      FROM decisions
      WHERE organization_id = {organization:String}
        AND instance_id = {instance:String}
        AND entitlement_id = {entitlement:String}
      GROUP BY entitlement_slug
  )
  AND entitlement_id = {entitlement:String}
