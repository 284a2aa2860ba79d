"""Sources of Blueprints, and every registered version of a Blueprint."""
