"""Documents that a plan asks for, made from what the ledger holds and the contracts say."""
