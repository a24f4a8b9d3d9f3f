"""Tests, and the rehearsal world they and the operator share."""
