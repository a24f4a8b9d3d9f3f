"""Each step and gate of the plan, in a real world as small as it can be."""
