# The course in a container, not as root: docker build --tag tlkeras .
# All steps are in container/, where they can be run and tested without Docker.
FROM debian:bookworm-slim
RUN --mount=type=bind,target=/source /source/container/system.sh
USER learner
WORKDIR /home/learner
RUN --mount=type=bind,target=/source /source/container/install.sh /source
ENV PATH=/home/learner/.venv/bin:$PATH
EXPOSE 8888
CMD ["tlkeras", "start", "--no-browser"]
