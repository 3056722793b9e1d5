"""The rules of metering: pure, no I/O, no clock.

`decision.decide` holds one command against its grant and the meter's balance; everything else here is a word in
that sentence. Depends on nothing else of Tidemark.
"""
