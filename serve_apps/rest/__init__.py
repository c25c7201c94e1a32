"""The HTTP interface of the platform as a plain ASGI application: no Ray in here.

What belongs here: turning HTTP into calls of the pipeline and the stores, and answers into HTTP. What never
does: decisions about runs or candidates (`qlayer.pipeline`), how replicas are deployed (`serve_apps.api`).
"""
