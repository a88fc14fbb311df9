%% What the stand-ins of gen_mod and gen_mod_deps share in all generations.
-module(host_modules).

-export([sorted/2, report_links/1, wait_for_process/1]).

-include_lib("kernel/include/logger.hrl").

%% A topological order of a digraph: what does not depend on each other comes in no set order.
sorted(HostType, Modules) ->
    Graph = digraph:new([acyclic, private]),
    lists:foreach(
      fun({Module, Opts}) ->
              digraph:add_vertex(Graph, Module),
              [begin
                   digraph:add_vertex(Graph, element(1, Dep)),
                   digraph:add_edge(Graph, element(1, Dep), Module)
               end || Dep <- gen_mod:get_deps(HostType, Module, Opts)]
      end, lists:sort(Modules)),
    Sorted = [lists:keyfind(Module, 1, Modules) || Module <- digraph_utils:topsort(Graph)],
    digraph:delete(Graph),
    Sorted.

report_links(LinksBefore) ->
    {links, LinksAfter} = process_info(self(), links),
    case lists:sort(LinksBefore) =:= lists:sort(LinksAfter) of
        true -> ok;
        false -> ?LOG_ERROR(#{what => unexpected_links, links_before => LinksBefore,
                              links_after => LinksAfter})
    end.

wait_for_process(Process) ->
    Ref = erlang:monitor(process, Process),
    receive
        {'DOWN', Ref, _, _, _} -> ok
    after 5000 ->
            catch exit(whereis(Process), kill),
            receive {'DOWN', Ref, _, _, _} -> ok after 5000 -> timeout end
    end.
