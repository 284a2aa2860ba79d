"""Everything that touches Git or the object store on behalf of provisioning."""
