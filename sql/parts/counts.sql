    count() AS events,
    countIf(status = 'ACCEPTED') AS accepted,
    countIf(status = 'REJECTED') AS rejected
