"""The markets as their libraries see them: a proxy that sends the markets' hosts to stand-ins, which answer
the libraries' own requests in the formats that the libraries read. A file a family of markets."""
