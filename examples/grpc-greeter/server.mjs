// A gRPC service without TLS on port 50051: the endpoint of the MicroVM speaks TLS with the outside.
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const { greeter } = grpc.loadPackageDefinition(protoLoader.loadSync('greeter.proto'));
const server = new grpc.Server();
server.addService(greeter.Greeter.service, {
  greet({ request }, answer) {
    if (!request.name) return answer({ code: grpc.status.INVALID_ARGUMENT, details: 'a name is missing' });
    answer(null, { text: `Hello, ${request.name}` });
  },
  count(call) {
    for (let value = 1; value <= call.request.to; value++) call.write({ value });
    call.end();
  },
});
server.bindAsync('0.0.0.0:50051', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`gRPC on port ${port}`);
});
