"""A web service in FastAPI, for uvicorn and hypercorn."""

from typing import Annotated

from fastapi import FastAPI, Form, HTTPException, Request, Response

from record import record

app = FastAPI()
Field = Annotated[str, Form()]


@app.post("/notifications")
async def notifications(request: Request, author: Field, server: Field, receiver: Field,
                        message: Field):
    """What MongooseIM sends."""
    form = {"author": author, "server": server, "receiver": receiver, "message": message}
    record(form, request.headers["host"], request.headers["content-type"])
    return {"ok": True}


@app.post("/close")
async def close(request: Request, response: Response, author: Field, server: Field,
                receiver: Field, message: Field):
    """The same, and closes the connection."""
    response.headers["connection"] = "close"
    return await notifications(request, author, server, receiver, message)


@app.post("/limited")
async def limited(request: Request):
    """Takes 100 KB."""
    if int(request.headers["content-length"]) > 100_000:
        raise HTTPException(413)
    return {"ok": True}


@app.post("/private")
async def private():
    """Leaves the body unread."""
    raise HTTPException(401)
