"""What a flow's steps say: templates, extractors, checks, data rows, tokens, virtual users."""
