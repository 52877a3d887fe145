"""How a source of prices is described: in the pipeline's own file, and in a stack's."""
