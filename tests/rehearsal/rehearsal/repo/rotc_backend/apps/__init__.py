"""The applications of the ROTC Grading System."""
