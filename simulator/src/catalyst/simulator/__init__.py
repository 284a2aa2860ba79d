"""A cluster that is none: says of committed revisions what Flux and Kubernetes would."""
