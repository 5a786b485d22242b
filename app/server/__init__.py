"""The server's room: one engine behind OpenAI's and Anthropic's dialects, and the graph behind MCP."""
