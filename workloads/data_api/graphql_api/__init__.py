"""/graphql: the questions that /v1 takes, in one request, over the same functions."""
