"""How good the reading is: gold that people marked, scores against it, calibration, and a report."""
