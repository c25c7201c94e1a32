sum=1
while read -ra words; do for word in "${words[@]}"; do ((sum += word)); done; done
echo "$sum"
