"""Recording a function as a list of NumPy calls, and printing it."""
