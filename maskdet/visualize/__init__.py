"""Pictures: objects drawn into photos, and plots."""
