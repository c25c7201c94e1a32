[% if 'cluster' in parts %]
chart: ## Lint and render the Helm chart
	helm lint --strict deploy/chart
	helm template [[ project.name ]] deploy/chart

deploy: ## Put the plain manifests into the cluster that kubectl speaks to
	kubectl apply --filename deploy/kubernetes

[% endif %]
