# The service scheduler: the static csw program and the certificates of those it may trust, nothing else.
FROM scratch
COPY csw/root/ /
ENV PATH=/usr/local/bin HOME=/tmp SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /tmp
USER 65532:65532
EXPOSE 8888
CMD ["csw", "scheduler", "--start"]
