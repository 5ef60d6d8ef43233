# The service redis: what jobs are asked to do. Its users and passwords come from the cluster.
FROM {{ redis_base }}
EXPOSE 6379
