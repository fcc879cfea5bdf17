"""The flows, free of any interface: submit, watch, collect, account; and the journal that lets each be resumed."""
