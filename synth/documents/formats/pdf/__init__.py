"""PDF: lines, paragraphs and code out of where characters stand."""
