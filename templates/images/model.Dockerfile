# The image of a model: its repository, what it asks for, and csw, which runs its tasks.
FROM {{ base }}
USER 0:0
{% if build %}
# Another value is how a rebuild is asked for: nothing below is taken from the builder's cache then.
ARG CSW_BUILD={{ build | env_value }}
{% endif %}
ENV PYTHONUNBUFFERED=1 PIP_ROOT_USER_ACTION=ignore PIP_BREAK_SYSTEM_PACKAGES=1
{% for name in env %}
ENV {{ name }}={{ env[name] | env_value }}
{% endfor %}
{% if install %}
{% if install.whole %}
COPY model/ /model/
{% else %}
# Only what says what to install, so that a commit which leaves it alone finds all of it in the builder's cache.
COPY csw/asks/ /model/
{% endif %}
COPY csw/install/ /opt/csw/install/
RUN {{ mounts }}sh /opt/csw/install/install.sh packages
{% endif %}
COPY model/ /model/
{% if install %}
RUN {{ mounts }}sh /opt/csw/install/install.sh projects
{% endif %}
RUN mkdir -p /etc /tmp && chmod 1777 /tmp && grep -qs '^[^:]*:[^:]*:1000:' /etc/passwd || echo 'model:x:1000:1000:model:/tmp:/bin/sh' >> /etc/passwd
COPY csw/program/ /usr/local/bin/
COPY csw/model.json /etc/csw/model.json
ENV HOME=/tmp OWNER={{ owner | env_value }} TITLE={{ title | env_value }}
WORKDIR /model
USER 1000:1000
CMD ["csw", "--help"]
