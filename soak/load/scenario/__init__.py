"""What a flow's steps consist of: templates, extractors, checks, data rows, tokens, virtual users."""
