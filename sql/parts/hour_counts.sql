    counted[1] AS events,
    counted[2] AS accepted,
    counted[3] AS rejected
