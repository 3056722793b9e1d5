"""Customers, and the instances of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response

from api.auth import CatalogState, requires
from api.fields import Name
from api.instances import InstanceView
from api.json import ExactJson, ExactRoute
from api.openapi import EDIT, LOOKUP
from api.pages import Windowed, paged
from api.paths import CustomerSlug
from api.shapes import NamedBody, PageView, StampedView
from catalog.customers import Customer, Customers
from catalog.instances import Instances
from catalog.principal import Principal

Reader = Annotated[Principal, Depends(requires("read:customers"))]
Writer = Annotated[Principal, Depends(requires("write:customers"))]
InstanceReader = Annotated[Principal, Depends(requires("read:instances"))]

router = APIRouter(prefix="/customers", tags=["Customers"], route_class=ExactRoute)


class CustomerBody(NamedBody):
    external_customer_id: Name | None = None
    domain: Name | None = None


class CustomerView(StampedView):
    name: str
    slug: str
    external_customer_id: str | None
    domain: str | None


@router.get("", response_model=PageView[CustomerView], operation_id="ListCustomers", responses=LOOKUP)
async def list_customers(caller: Reader, catalog: CatalogState, window: Windowed) -> Response:
    async with catalog.read(caller) as work:
        return paged(await Customers(work).page(window.limit, window.after), CustomerView)


@router.post("", status_code=201, response_model=CustomerView, operation_id="CreateCustomer", responses=EDIT)
async def create_customer(body: CustomerBody, caller: Writer, catalog: CatalogState) -> Response:
    async with catalog.edit(caller) as work:
        customer = await Customers(work).create(Customer(**body.to_create()))
    return ExactJson(CustomerView.model_validate(customer), 201)


@router.get("/{customerSlug}", response_model=CustomerView, operation_id="GetCustomer", responses=LOOKUP)
async def get_customer(slug: CustomerSlug, caller: Reader, catalog: CatalogState) -> Response:
    async with catalog.read(caller) as work:
        return ExactJson(CustomerView.model_validate(await Customers(work).get(slug)))


@router.put("/{customerSlug}", status_code=204, operation_id="UpdateCustomer", responses=EDIT)
async def update_customer(slug: CustomerSlug, body: CustomerBody, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        customers = Customers(work)
        await customers.update(await customers.get(slug), body.to_replace())


@router.delete("/{customerSlug}", status_code=204, operation_id="DeleteCustomer", responses=EDIT)
async def delete_customer(slug: CustomerSlug, caller: Writer, catalog: CatalogState) -> None:
    async with catalog.edit(caller) as work:
        customers = Customers(work)
        customer = await customers.get(slug)
        await customers.delete(customer, await Instances(work).of_customer(customer))


@router.get(
    "/{customerSlug}/instances",
    response_model=PageView[InstanceView],
    operation_id="ListCustomerInstances",
    responses=LOOKUP,
)
async def list_customer_instances(
    slug: CustomerSlug, caller: InstanceReader, catalog: CatalogState, window: Windowed
) -> Response:
    async with catalog.read(caller) as work:
        customer = await Customers(work).get(slug)
        page = await Instances(work).page_of_customer(customer, window.limit, window.after)
        return paged(page, InstanceView)
