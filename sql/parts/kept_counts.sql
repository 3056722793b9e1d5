    countMerge(`count()`) AS events,
    countIfMerge(`countIf(equals(status, 'ACCEPTED'))`) AS accepted,
    countIfMerge(`countIf(equals(status, 'REJECTED'))`) AS rejected
