"""What forecasts of power prices are made from: training and serving share it."""
