"""The HTTP door of Catalyst: commands, outcomes, Git and the live page."""
