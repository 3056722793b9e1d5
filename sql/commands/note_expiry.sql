-- Note what is about to be taken.
INSERT INTO expiries (organization_id, until)
SELECT {organization:String}, fromUnixTimestamp64Micro({until:Int64}, 'UTC')
