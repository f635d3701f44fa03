#!/usr/bin/env bash
# Score a file of samples on the nodes of a Slurm allocation.
#
#   sbatch --nodes 8 --cpus-per-task 32 slurm.sh PROBLEMS SAMPLES OUT
#
# Every node needs this environment (a shared home will do) and a Docker engine that the user may use, such as a rootless
# one: `dockerd-rootless-setuptool.sh install` once, and `systemctl --user start docker` before the job. Submitted again
# after a time limit, the same command continues OUT.
#SBATCH --job-name=sandbox-score
#SBATCH --ntasks-per-node=1
#SBATCH --time=04:00:00
set -euo pipefail
problems=$1 samples=$2 out=$3
: "${SLURM_CPUS_PER_TASK:?say --cpus-per-task: how many boxes a node has}"
port=$((20000 + SLURM_JOB_ID % 20000))
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address=$(srun --nodes 1 --ntasks 1 --nodelist "$head" hostname --all-ip-addresses | cut -d' ' -f1)  # never loopback
export RAY_USAGE_STATS_ENABLED=0
# Whoever reaches Ray's ports and has no token could run programs as this user.
RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')
export RAY_AUTH_MODE RAY_AUTH_TOKEN
engine=unix:///run/user/$UID/docker.sock
[ -S "${engine#unix://}" ] && export DOCKER_HOST=$engine

# --block: the step lives as long as Ray does, and Slurm ends both together. The folder and the ports are this job's own.
srun --overlap --nodes 1 --ntasks 1 --nodelist "$head" \
    ray start --head --node-ip-address "$address" --port "$port" --num-cpus "$SLURM_CPUS_PER_TASK" \
    --ray-client-server-port $((port + 20000)) --include-dashboard false --temp-dir "/tmp/ray-$SLURM_JOB_ID" --block &
started=$!
until ray status --address "$address:$port" >/dev/null 2>&1; do
    kill -0 "$started" || { echo "Ray has not started on $head" >&2; exit 1; }
    sleep 2
done
if [ "${#nodes[@]}" -gt 1 ]; then
    others=$(IFS=,; echo "${nodes[*]:1}")
    srun --overlap --nodes $((${#nodes[@]} - 1)) --ntasks $((${#nodes[@]} - 1)) --nodelist "$others" \
        ray start --address "$address:$port" --num-cpus "$SLURM_CPUS_PER_TASK" --block &
fi

# Nodes that join later get work when they are there.
sandbox score --cluster "$address:$port" --problems "$problems" --samples "$samples" --out "$out"
