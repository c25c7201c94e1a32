[% if '@sha256:' not in base %]
# The base is named by its tag: its digest was not known when this was written. Pin it before you ship:
#   docker buildx imagetools inspect [[ base ]]
[% endif %]
