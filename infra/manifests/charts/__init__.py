"""Values of Helm charts: one function a chart, settings in, values out."""
