#!/bin/sh
# Makes the image csw:VERSION of the static program in the Docker engine: image.sh PROGRAM DIR
# DIR is for a file with the image's id: an image has no file of its own.
. "$(dirname "$0")/common.sh"
mkdir "$work/context"
install -m 755 "$program" "$work/context/csw"
printf 'root:x:0:0:root:/root:/sbin/nologin\ncsw:x:65532:65532:csw:/tmp:/sbin/nologin\n' > "$work/context/passwd"
cp /etc/ssl/certs/ca-certificates.crt "$work/context/"
docker build --quiet --file packaging/Dockerfile --tag "${IMAGE:-csw:$version}" "$work/context" > "$out/image-id.txt"
echo "${IMAGE:-csw:$version}"
