"""A real standalone cluster on this machine: a master and workers, each a process of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

SPARK_CLASS = Path(pyspark.__file__).parent / "bin" / "spark-class"
DEPLOY = "org.apache.spark.deploy"


class Cluster:
    def __init__(self, folder, workers=2, cores=1, memory="1g"):
        self.folder = Path(folder)
        self.port = free_port()
        self.master = f"spark://127.0.0.1:{self.port}"
        self.processes = []
        self.session = None
        # What ends this process politely, a timeout say, ends the cluster too.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        try:
            self.start_all(workers, cores, memory)
        except BaseException:
            self.stop()
            raise

    def start_all(self, workers, cores, memory):
        self.start("master", "Master", "--host", "127.0.0.1", "--port", str(self.port))
        wait_for(lambda: is_listening(self.port), "the master")
        self.workers = [
            self.start(
                f"worker{number}",
                "Worker",
                *("--host", "127.0.0.1", "--cores", str(cores), "--memory", memory),
                *("--work-dir", str(self.folder / f"work{number}"), self.master),
            )
            for number in range(workers)
        ]
        self.session = self.connect(workers * cores)

    def start(self, name, role, *arguments):
        log = (self.folder / f"{name}.log").open("w")
        process = subprocess.Popen(
            [SPARK_CLASS, f"{DEPLOY}.{role.lower()}.{role}", "--webui-port", "0", *arguments],
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable},
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def connect(self, cores):
        os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
        session = (
            SparkSession.builder.master(self.master)
            .appName("gpu-credit")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.executor.memory", "512m")
            .config("spark.sql.shuffle.partitions", "4")
            .config("spark.shuffle.io.maxRetries", "1")
            .config("spark.shuffle.io.retryWait", "1s")
            .getOrCreate()
        )
        session.sparkContext.setLogLevel("OFF")
        executors = session.sparkContext._jsc.sc().getExecutorMemoryStatus
        # The driver counts as one.
        wait_for(lambda: executors().size() == len(self.workers) + 1, "the workers")
        return session

    def wait_for_the_middle(self, tasks):
        """Of a stage of so many tasks: some are done, and some are not."""
        tracker = self.session.sparkContext.statusTracker()

        def is_under_way():
            stages = filter(None, map(tracker.getStageInfo, tracker.getActiveStageIds()))
            return any(
                stage.numTasks == tasks and 4 <= stage.numCompletedTasks < tasks - 4
                for stage in stages
            )

        wait_for(is_under_way, "the stage")

    def kill_a_worker(self):
        """The worker, what runs its tasks, and their Python processes: with what they hold."""
        worker = self.workers.pop()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()

    def stop(self):
        if self.session:
            self.session.stop()
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_listening(port):
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) == 0


def wait_for(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come up")
        time.sleep(0.1)
