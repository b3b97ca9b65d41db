"""How a person is told: words, documents, tables, pages."""
