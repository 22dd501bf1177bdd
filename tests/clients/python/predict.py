"""Drives Rookery from Python, with grpcio and the .proto files alone.

    pip install grpcio grpcio-tools
    python predict.py --inference 127.0.0.1:7071 penguins '{"island": "Biscoe", "body_mass_g": 5000, "sex": null}'

With --upload FILE --target COLUMN it first uploads the file as a data set of the model's name, and waits until a model
is promoted. Prints one JSON object; exit code 1, with the error's code, where a call is refused.
"""

import argparse
import json
import pathlib
import sys
import time

import grpc

PROTO = pathlib.Path(__file__).resolve().parents[3] / "proto"
sys.path.insert(0, str(PROTO))

# Compiled in memory: no generated files.
ingest, ingest_services = grpc.protos_and_services("rookery/ingest/v1/ingest.proto")
registry, registry_services = grpc.protos_and_services("rookery/registry/v1/registry.proto")
inference, inference_services = grpc.protos_and_services("rookery/inference/v1/inference.proto")
dataset = grpc.protos("rookery/events/v1/dataset.proto")
data = grpc.protos("rookery/domain/v1/data.proto")


def value_of(value):
    """None is missing: a value without a kind."""
    if isinstance(value, bool):
        return data.Value(flag=value)
    if isinstance(value, (int, float)):
        return data.Value(number=value)
    if isinstance(value, str):
        return data.Value(text=value)
    return data.Value()


def chunks(name, target, path):
    yield ingest.UploadDatasetRequest(description=dataset.DatasetReady(name=name, uri=path.name, target=target))
    with path.open("rb") as file:
        while chunk := file.read(256 * 1024):
            yield ingest.UploadDatasetRequest(chunk=chunk)


def upload(channel, name, target, path):
    """Uploads the file; gives the id of its run."""
    return ingest_services.IngestServiceStub(channel).UploadDataset(chunks(name, target, path), timeout=60).run_id


def wait_until_ended(channel, run_id, seconds=120):
    """Follows the run to its final state."""
    stub = registry_services.RegistryServiceStub(channel)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            for change in stub.WatchRun(registry.WatchRunRequest(run_id=run_id), timeout=seconds):
                run = change.run
            return run
        except grpc.RpcError as error:
            # The registry learns of the run when its data set is taken in.
            if error.code() != grpc.StatusCode.NOT_FOUND:
                raise
            time.sleep(0.05)
    raise TimeoutError(run_id)


def predict(channel, model, row):
    request = inference.PredictRequest(
        model=model, rows=[data.Row(values={name: value_of(value) for name, value in row.items()})]
    )
    stub = inference_services.InferenceServiceStub(channel)
    # After a promotion the replica needs a moment to load the model: this is the one error worth another try.
    for _ in range(200):
        try:
            return stub.Predict(request, timeout=10)
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.UNAVAILABLE:
                raise
            time.sleep(0.05)
    return stub.Predict(request, timeout=10)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("row", help="a JSON object; null is missing")
    parser.add_argument("--inference", default="127.0.0.1:7071")
    parser.add_argument("--ingest", default="127.0.0.1:7074")
    parser.add_argument("--registry", default="127.0.0.1:7073")
    parser.add_argument("--upload", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--target", default="")
    arguments = parser.parse_args()
    result = {}
    try:
        if arguments.upload is not None:
            with grpc.insecure_channel(arguments.ingest) as channel:
                result["run"] = upload(channel, arguments.model, arguments.target, arguments.upload)
            with grpc.insecure_channel(arguments.registry) as channel:
                run = wait_until_ended(channel, result["run"])
            result["state"] = registry.RunState.Name(run.state)
            result["metrics"] = {name: round(summary.mean, 4) for name, summary in run.metrics.items()}
        with grpc.insecure_channel(arguments.inference) as channel:
            response = predict(channel, arguments.model, json.loads(arguments.row))
    except grpc.RpcError as error:
        trailers = dict(error.trailing_metadata() or ())
        print(f"{trailers.get('rookery-error-code', error.code().name)}: {error.details()}", file=sys.stderr)
        return 1
    (prediction,) = response.predictions
    result |= {
        "model": response.model,
        "version": response.version,
        "label": prediction.label,
        "probabilities": dict(zip(response.classes, prediction.probabilities)),
        "id": prediction.prediction_id,
    }
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
