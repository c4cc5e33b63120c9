"""An Assessment for people: terminal text, Markdown, HTML, frames and plots."""
