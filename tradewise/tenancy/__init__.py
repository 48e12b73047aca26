"""Who the tenant is: the only place that binds one, writes policy SQL or filters by tenant."""
